"""What the gateways of one federation know together: a store outside of them, and what may be believed of it."""
