"""Catalogs: everything one scan saw, one Parquet file each. The only place with SQL beside `state/` (DuckDB)."""
