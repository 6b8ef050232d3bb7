from tests.state.driver import driver

__all__ = ["driver"]
