"""The spine: values handed from stage to stage, one pass, the life of a remediation, and the single loop."""
