"""The whole system in one value: shards, a coordinator, proxies, clients and read models, put together of the cores."""
