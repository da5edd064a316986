"""EchoBase on one box: systemd runs its parts, without Docker and without Kubernetes."""
