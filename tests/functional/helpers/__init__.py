"""What the tests of the rows share: configurations, requests, readers of answers, storage elements."""
