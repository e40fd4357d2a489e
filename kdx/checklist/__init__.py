"""文部科学省's 校務DXチェックリスト: its items, what was published of the nation, and what the board's schools answered."""
