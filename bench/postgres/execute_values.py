"""Inserts the first rows of packets into peer with psycopg2's execute_values, a thousand
to a statement and one transaction for all, and prints how many and how long it took."""

import sys
import time

import psycopg2
from psycopg2.extras import execute_values

dsn, limit = sys.argv[1], int(sys.argv[2])
with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT * FROM packets LIMIT %s", (limit,))
    columns = [c.name for c in cursor.description]
    # Without the columns that are empty everywhere: the old recorder would not name them.
    rows = cursor.fetchall()
    used = [i for i in range(len(columns)) if any(row[i] is not None for row in rows)]
    rows = [tuple(row[i] for i in used) for row in rows]
    statement = "INSERT INTO peer (" + ", ".join(columns[i] for i in used) + ") VALUES %s"
    start = time.perf_counter()
    execute_values(cursor, statement, rows, page_size=1000)
    connection.commit()
    print(len(rows), time.perf_counter() - start)
