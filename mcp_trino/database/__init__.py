"""The store in a database, for processes that share it or outlive each other."""
