"""What was asked: the list, and one request's receipt."""
