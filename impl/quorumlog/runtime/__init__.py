"""Servers as processes: sockets, disks and clocks around the core."""
