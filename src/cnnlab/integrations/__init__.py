"""Integrations with other training loops; each needs an extra package, so cnnlab imports none of them."""
