"""A small real system to break: its servers, stand-ins among them, speak their real protocols on real sockets."""
