"""What keeps one dependency's trouble from becoming everybody's: breaker, retries, adaptive limit, guard."""
