from tests.sandbox_fixtures import quirky_sandbox, quirky_sandbox_server, sandbox, sandbox_server

__all__ = ["quirky_sandbox", "quirky_sandbox_server", "sandbox", "sandbox_server"]
