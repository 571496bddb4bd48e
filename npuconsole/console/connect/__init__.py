"""How clients reach this server, and who did."""
