"""The page and plot kit: one self-contained HTML page, its plots inline SVG, readable without network and script."""
