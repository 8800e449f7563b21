"""Implementations that break one clause each: a check counts once it has rejected one."""
