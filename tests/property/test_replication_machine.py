"""The machine of Replication for five servers, as anybody would have it in a test of their own: three lines."""

from hypothesis import settings

from tlastep.check.random_machine import machine_class

TestReplication = machine_class("ReplicationFive").TestCase
TestReplication.settings = settings(max_examples=15, stateful_step_count=30, deadline=None, derandomize=True)
