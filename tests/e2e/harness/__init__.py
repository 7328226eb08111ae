"""What the end-to-end tests are written with: real binaries, raw sockets, deadlines."""
