// Reads an index with DuckDB and prints what the Go test compares.
import { DuckDBInstance } from '@duckdb/node-api';

const [folder] = process.argv.slice(2);
const connection = await (await DuckDBInstance.create()).connect();
const rows = async (sql) => (await connection.runAndReadAll(sql)).getRowsJson();
const packets = `read_parquet('${folder.replaceAll("'", "''")}/[0-9][0-9][0-9][0-9][0-9][0-9].parquet')`;
const answer = {
  totals: await rows(`select count(*)::varchar, sum(wire_len)::varchar, sum(cap_len)::varchar, count(payload_hash)::varchar, min(number)::varchar, max(number)::varchar from ${packets}`),
  top: await rows(`select src, count(*)::varchar, sum(wire_len)::varchar from ${packets} where src is not null group by 1 order by count(*) desc, sum(wire_len) desc, src limit 5`),
  ports: await rows(`select dst_port::varchar, count(*)::varchar from ${packets} where proto = 6 and src = '10.0.0.1' group by 1 order by 1`),
  outcomes: await rows(`select outcome, count(*)::varchar from ${packets} group by 1 order by 1`),
  seconds: await rows(`select sum(packets)::varchar, sum(bytes)::varchar from read_parquet('${folder.replaceAll("'", "''")}/*.seconds.parquet')`),
};
console.log(JSON.stringify(answer));
