"""What an adapter does, written once and run on the fake and on the real one."""

import pytest

pytest.register_assert_rewrite("tests.behaviour.bus_suite", "tests.behaviour.follow_suite")
