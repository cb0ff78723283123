"""What servers and clients of several groups do: shards, the coordinator of transfers, and who asks whom for what."""
