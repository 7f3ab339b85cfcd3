-- SPDX-License-Identifier: GPL-2.0-only
-- For sysbench: each transaction computes for some milliseconds with the only row locked, so that one
-- client at a time gets on and all others wait for the row.

function thread_init()
	connection = sysbench.sql.driver():connect()
end

function event()
	connection:query("BEGIN")
	connection:query("UPDATE sbtest1 SET k = k + 1 WHERE id = 1")
	connection:query("DO BENCHMARK(10000, MD5('row'))")
	connection:query("COMMIT")
end

function thread_done()
	connection:disconnect()
end
