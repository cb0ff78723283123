"""The machines of read models and of routing: Hypothesis walks spec and code together, and shrinks what it finds."""

from hypothesis import settings

from tlastep.check.random_machine import machine_class

TestReadModel = machine_class("ReadModelWide").TestCase
TestReadModel.settings = settings(max_examples=8, stateful_step_count=30, deadline=None, derandomize=True)

TestRouting = machine_class("RoutingWide").TestCase
TestRouting.settings = settings(max_examples=8, stateful_step_count=30, deadline=None, derandomize=True)
