"""What a site says of its channels: set over HTTP and by a command, imported from others' files."""
