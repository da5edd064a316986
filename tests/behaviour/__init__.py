"""What an adapter does, written once and run on the fake and on the real one."""

import pytest

for _suite in ("bus_suite", "jobs_suite", "outage_suite", "removal_suite", "follow_suite", "rig"):
    pytest.register_assert_rewrite(f"tests.behaviour.{_suite}")
