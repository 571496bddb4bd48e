"""From messages to token ids: chat templates and token counting. Called by `dispatch`."""
