"""Word lists and weights; the files named after WordNet are derived from it, see WORDNET-LICENSE.txt."""
