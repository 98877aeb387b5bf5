"""What was decided and done, where people and machines look: records, statuses, Events, metrics."""
