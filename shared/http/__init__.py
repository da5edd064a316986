"""What the two HTTP services share: errors (RFC 9457), the key, host and origin, documentation."""
