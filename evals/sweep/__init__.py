"""What a service sustains: load at rising rates until its objective breaks."""
