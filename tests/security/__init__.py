"""Attacks, by what they are after. SECURITY.md names the test that proves each defence; test_threats.py sees that it is there."""
