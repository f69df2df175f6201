// What is in the warehouse: a page for each table, with its rows by data date, what is in it, and the
// deliveries that made it.
import { get, inPath, path, post, query, type DataDate, type Delivery, type DeliveredTable, type TableColumns, type TableRows } from "./api";
import { useLive, useNow } from "./live";
import { Crumbs, doHead, Doing, Empty, Problem, Section, Table, When } from "./parts";
import { plural } from "./plural";
import { useState } from "preact/hooks";

const stateOf = (delivery: Delivery) => (delivery.undone_at ? "undone" : delivery.current ? "current" : "replaced");

interface Slot {
  date: string;
  delivery: Delivery | null; // null: there is none, and its schedule has the date
  run: string | null;
  failed: boolean;
}

// The newest delivery of each data date, the oldest date left; between them those that are missing.
function slotsOf(deliveries: Delivery[], dates: DataDate[]): Slot[] {
  const slots = new Map<string, Slot>();
  for (const delivery of deliveries) {
    const known = slots.get(delivery.data_date)?.delivery;
    if (!known || (known.undone_at && !delivery.undone_at)) slots.set(delivery.data_date, { date: delivery.data_date, delivery, run: delivery.run, failed: false });
  }
  const first = [...slots.keys()].sort()[0] ?? "";
  for (const date of dates) {
    if (date.date < first || slots.has(date.date) || (date.state !== null && date.state !== "failed")) continue;
    slots.set(date.date, { date: date.date, delivery: null, run: date.run, failed: date.state === "failed" });
  }
  return [...slots.values()].sort((a, b) => a.date.localeCompare(b.date)).slice(-120);
}

function Bars({ deliveries, dates, rowsMin, action }: { deliveries: Delivery[]; dates: DataDate[]; rowsMin: number | null; action: string | null }) {
  const across = slotsOf(deliveries, dates);
  const counts = across.flatMap((slot) => (slot.delivery ? [slot.delivery.rows] : []));
  const most = Math.max(1, ...counts), top = Math.max(most, rowsMin ?? 0), least = Math.min(...counts);
  const missing = across.filter((slot) => !slot.delivery);
  const few = rowsMin === null ? 0 : counts.filter((count) => count < rowsMin).length;
  const high = (share: number) => (element: HTMLElement | null) => { if (element) element.style.height = `${Math.min(100, 100 * share)}%`; };
  const words = `Rows of ${plural(counts.length, "data date")}, from ${least.toLocaleString()} to ${most.toLocaleString()}${missing.length > 0 ? `; ${missing.length} missing` : ""}`;
  return (
    <figure>
      <div class="rowchart">
        {rowsMin === null ? null : <div class="atleast" aria-hidden="true" ref={(element) => { if (element) element.style.bottom = `${1 + (121 * rowsMin) / top}px`; }}><span>rows_min {rowsMin.toLocaleString()}</span></div>}
        <div class="rowbars" role="group" tabIndex={0} aria-label={words}>
          {across.map((slot) => slot.delivery ? (
            <a key={slot.date} href={`#/runs/${slot.delivery.run}`} tabIndex={-1} class={slot.delivery.undone_at ? "undone" : rowsMin !== null && slot.delivery.rows < rowsMin ? "few" : ""} aria-label={`${slot.date}: ${plural(slot.delivery.rows, "row")}`}
              title={`${slot.date}: ${plural(slot.delivery.rows, "row")}, ${stateOf(slot.delivery)}`} ref={high(slot.delivery.rows / top)} />
          ) : slot.run ? (
            <a key={slot.date} href={`#/runs/${slot.run}`} tabIndex={-1} class="lacking failed" aria-label={`${slot.date}: nothing was delivered, its run failed`} title={`${slot.date}: nothing was delivered, its run failed`}><span aria-hidden="true">✕</span></a>
          ) : (
            <span key={slot.date} class="lacking" role="img" aria-label={`${slot.date}: missing, it never ran`} title={`${slot.date}: missing, it never ran`}><span aria-hidden="true">?</span></span>
          ))}
        </div>
      </div>
      <figcaption>Rows by data date, {across[0]?.date} to {across[across.length - 1]?.date}; at most {most.toLocaleString()}, at least {least.toLocaleString()}.
        {rowsMin === null ? "" : ` The line is rows_min: fewer fail a delivery${few > 0 ? `; ${few} of before are below it` : ""}.`} Dashed: undone.</figcaption>
      {missing.length > 0 ? (
        <p>{plural(missing.length, "data date has", "data dates have")} no delivery: {missing.slice(-8).map((slot, i) => <>{i > 0 ? ", " : ""}{slot.run ? <a href={`#/runs/${slot.run}`}>{slot.date}</a> : slot.date}</>)}{missing.length > 8 ? " and more" : ""}.
          {action ? <> <a href={`#/graphs/${inPath(action)}?show=dates`}>Fill them</a></> : null}</p>
      ) : null}
    </figure>
  );
}

const share = (part: number, of: number) => {
  if (part === 0 || of === 0) return "none";
  const percent = (100 * part) / of;
  return percent < 0.1 ? "under 0.1 %" : `${percent >= 99.95 && part < of ? "99.9" : percent.toFixed(percent < 10 ? 1 : 0)} %`;
};
const ends = (cell: string | boolean | null) => (cell === null ? "" : String(cell));

function Columns({ service, table, newest }: { service: string; table: string; newest: string }) {
  const { value, error } = useLive(() => get<TableColumns>(path("services", service, "tables", table, "columns")), "the clock alone", `${table} ${newest}`);
  if (!value) return error ? <Problem message={error} /> : <p class="quiet">Counting...</p>;
  if (value.columns.length === 0) return value.why ? <p class="quiet">{value.why.charAt(0).toUpperCase() + value.why.slice(1)}.</p> : null;
  return (
    <Table label="Columns" rows={value.columns} keyOf={(column) => column.name} empty="It has no columns." columns={[
      { name: "Column", kind: "head", cell: (column) => column.name },
      { name: "Type", cell: (column) => column.type },
      { name: "Without a value", kind: "right", cell: (column) => (
        <span class={column.nulls > 0 ? "nulls" : "quiet"} title={`${column.nulls.toLocaleString()} of ${(value.rows ?? 0).toLocaleString()} rows`}>
          {share(column.nulls, value.rows ?? 0)}<meter aria-hidden="true" max={Math.max(1, value.rows ?? 0)} value={column.nulls} /></span>
      ) },
      { name: "Least", kind: "wide", cell: (column) => ends(column.least) },
      { name: "Most", kind: "wide", cell: (column) => ends(column.most) },
    ]} />
  );
}

type Written = Delivery & { same: number };
type Cells = (string | boolean | null)[];

// Which delivery a row came with, asked of its values. A value that was cut is left out.
function Origin({ service, table, names, cells, now }: { service: string; table: string; names: string[]; cells: Cells; now: number }) {
  const row = JSON.stringify(Object.fromEntries(names.flatMap((name, i) => {
    const cell = cells[i];
    return cell === undefined || (typeof cell === "string" && cell.length > 500 && cell.endsWith("...")) ? [] : [[name, cell]];
  })));
  const { value, error } = useLive(() => get<{ deliveries: Written[] }>(path("services", service, "tables", table, "origin") + query({ row })), "the clock alone", row);
  if (!value) return <p class="quiet" role="status">{error || "Looking..."}</p>;
  const newest = value.deliveries[0];
  if (!newest) return <p class="quiet" role="status">No delivery has such a row any more; the table has changed since it was shown.</p>;
  return (
    <div class="origin" role="status">
      {value.deliveries.slice(0, 5).map((delivery) => (
        <p key={delivery.id}>Written by <a href={`#/runs/${delivery.run}`}>the run for {delivery.data_date}</a>, delivered <When at={delivery.delivered_at} now={now} /> as one of {plural(delivery.rows, "row")}
          {delivery.model_version ? <>, with <a href={`#/services/${delivery.service ?? service}?version=${delivery.model_version.split("/").pop()}`}>version {delivery.model_version.split("/").pop()}</a></> : null}
          {delivery.same > 1 ? `; ${delivery.same.toLocaleString()} of them are like it` : ""}.</p>
      ))}
      {value.deliveries.length > 5 ? <p>and by {plural(value.deliveries.length - 5, "more delivery", "more deliveries")}</p> : null}
    </div>
  );
}

function FirstRows({ service, rows, now }: { service: string; rows: TableRows; now: number }) {
  const [asked, setAsked] = useState(-1);
  const list = rows.rows ?? [], cells = list[asked];
  if (list.length === 0) return <p class="quiet">{rows.why ? `${rows.why.charAt(0).toUpperCase()}${rows.why.slice(1)}.` : "It has no rows."}</p>;
  return (
    <>
      <div class="scroll rows" tabIndex={0} role="region" aria-label="The first rows">
        <table class="data" aria-label="The first rows">
          <thead><tr>{rows.names.map((name) => <th key={name} scope="col">{name}<br /><span class="quiet">{rows.columns.find((column) => column.name === name)?.type ?? ""}</span></th>)}<th scope="col">{doHead}</th></tr></thead>
          <tbody>{list.map((row, i) => (
            <tr key={i} class={i === asked ? "picked" : ""}>{row.map((cell, k) => <td key={k}>{cell === null ? <span class="quiet">null</span> : String(cell)}</td>)}
              <td class="buttons"><button type="button" class="link" aria-expanded={i === asked} onClick={() => setAsked(i === asked ? -1 : i)}>Who wrote it?</button></td></tr>
          ))}</tbody>
        </table>
      </div>
      {cells ? <Origin key={asked} service={service} table={rows.table} names={rows.names} cells={cells} now={now} /> : null}
      {list.length >= 50 ? <p class="quiet">The first 50 rows, in no order; <code>busker query</code> has the rest.</p> : null}
    </>
  );
}

export function Deliveries({ service, deliveries, reload, now }: { service: string; deliveries: Delivery[]; reload: () => void; now: number }) {
  const [all, setAll] = useState(false);
  const shown = all ? deliveries : deliveries.slice(0, 20);
  const undo = (delivery: Delivery) => async () => {
    await post(path("services", service, "deliveries", delivery.id, "undo"));
    reload();
  };
  return (
    <>
      <Table label="Deliveries" rows={shown} keyOf={(delivery) => delivery.id} empty="Nothing was delivered yet; a run of the application does it." columns={[
        { name: "Data date", kind: "head", cell: (delivery) => delivery.data_date },
        { name: "Rows", kind: "right", cell: (delivery) => delivery.rows.toLocaleString() },
        { name: "In the table then", kind: "right", cell: (delivery) => delivery.table_rows.toLocaleString() },
        { name: "State", cell: stateOf },
        { name: "Written as", cell: (delivery) => delivery.write },
        { name: "When", cell: (delivery) => <When at={delivery.delivered_at} now={now} /> },
        { name: "Run", cell: (delivery) => <a href={`#/runs/${delivery.run}`}><code>{delivery.run}</code></a> },
        { name: doHead, kind: "buttons", cell: (delivery) => delivery.current && !delivery.undone_at ? (
          <Doing plain label="Undo" title="Undo this delivery" danger described={`Undo the delivery for ${delivery.data_date}`} what={undo(delivery)}
            confirm={`${delivery.table} is put back to what it was before these ${plural(delivery.rows, "row")} of ${delivery.data_date}; the rows that they replaced come back. The next run may deliver again.`} />
        ) : null },
      ]} />
      {shown.length < deliveries.length ? <p><button type="button" class="plain" onClick={() => setAll(true)}>Show all {deliveries.length}</button></p> : null}
    </>
  );
}

export function TablePage({ service, table }: { service: string; table: string }) {
  const now = useNow(1000);
  const { value, error, reload } = useLive(() => get<{ deliveries: Delivery[] }>(path("services", service, "deliveries")), "", service, 3000);
  const mine = value?.deliveries.filter((delivery) => delivery.table === table) ?? [];
  const newest = mine.find((delivery) => delivery.current && !delivery.undone_at);
  const state = `${table} ${newest?.id ?? ""} ${mine.filter((delivery) => delivery.undone_at).length}`; // what it consists of
  const rows = useLive(() => get<TableRows>(path("services", service, "tables", table)), "the clock alone", value ? state : table);
  const action = rows.value?.action ?? null;
  const dates = useLive(() => (action ? get<{ dates: DataDate[] }>(path("graphs", inPath(action), "dates")) : Promise.resolve({ dates: [] })), "", `dates ${action ?? ""}`, 3000);
  const again = () => {
    reload();
    rows.reload();
  };
  return (
    <>
      <Crumbs to={[["Tables", "#/tables"], [service, `#/services/${service}`]]} />
      <Section main title={table}>
        <Problem message={error || rows.error} />
        {newest ? (
          <ul class="facts">
            <li><strong>{plural(newest.table_rows, "row")}</strong> after its newest delivery</li>
            <li>data of <strong>{newest.data_date}</strong>, <When at={newest.delivered_at} now={now} /></li>
            {newest.model_version ? <li>model version <a href={`#/services/${service}?version=${newest.model_version.split("/").pop()}`}>{newest.model_version.split("/").pop()}</a></li> : null}
            {action ? <li>delivered by <a href={`#/graphs/${inPath(action)}`}>{action}</a>{rows.value?.write ? `, as ${rows.value.write}` : ""}</li> : null}
          </ul>
        ) : null}
      </Section>
      {mine.length > 0 ? <Section title="Rows by data date" card><Bars deliveries={mine} dates={dates.value?.dates ?? []} rowsMin={rows.value?.rows_min ?? null} action={action} /></Section> : value ? <Empty>Nothing was delivered to a table of that name.</Empty> : null}
      {rows.value && newest ? <Section title="Columns" card><Columns service={service} table={table} newest={state} /></Section> : null}
      {rows.value ? <Section title="What is in it" card><FirstRows key={state} service={service} rows={rows.value} now={now} /></Section> : null}
      <Section title="Deliveries" card><Deliveries service={service} deliveries={mine} reload={again} now={now} /></Section>
    </>
  );
}

const shownDates = 14;

// The rows of the latest data dates, the newest right.
function Trend({ recent }: Pick<DeliveredTable, "recent">) {
  const most = Math.max(1, ...recent.map(({ rows }) => rows)), step = 206 / shownDates, empty = shownDates - recent.length;
  return (
    <svg class="bars" viewBox="0 0 206 34" preserveAspectRatio="xMinYMid" role="group" aria-label={`Rows of the newest data dates: ${recent.map(({ rows }) => rows.toLocaleString()).join(", ")}`}>
      {Array.from({ length: empty }, (_, i) => <rect key={i} class="slot" x={i * step + 1.5} y="30" width={step - 3} height="3" rx="1" />)}
      {recent.map(({ data_date, rows, run }, i) => {
        const height = Math.max(2, (30 * rows) / most);
        return (
          <a key={data_date} href={`#/runs/${run}`} tabIndex={-1}><title>{`${data_date}: ${plural(rows, "row")}`}</title>
            <rect x={(empty + i) * step} y="0" width={step} height="34" fill="transparent" /><rect class="bar rows" x={(empty + i) * step + 1.5} y={33 - height} width={step - 3} height={height} rx="1.5" /></a>
        );
      })}
    </svg>
  );
}

export function TablesPage() {
  const now = useNow(1000);
  const { value, error } = useLive(() => get<{ tables: DeliveredTable[] }>(path("tables")).then(({ tables }) => tables.flatMap(({ newest, ...of }) => (newest ? [{ ...of, newest }] : []))), "", "tables", 5000);
  return (
    <Section main title="Tables">
      <Problem message={error} />
      {value ? <div class="card"><Table label="Tables" rows={value} keyOf={(row) => `${row.service} ${row.table}`} empty="Nothing was delivered yet. An action with a part [actions.NAME.deliver] writes to a table." columns={[
        { name: "Table", kind: "head", cell: (row) => <a href={`#/tables/${row.service}/${row.table}`}>{row.table}</a> },
        { name: "Of", cell: (row) => <a href={`#/services/${row.service}`}>{row.service}</a> },
        { name: "Rows by data date", cell: (row) => <Trend recent={row.recent} /> },
        { name: "Newest data date", cell: (row) => <>{row.newest.data_date}<br /><span class="quiet">{plural(row.newest.rows, "row")}</span></> },
        { name: "In the table", kind: "right", cell: (row) => row.newest.table_rows.toLocaleString() },
        { name: "Delivered", cell: (row) => <When at={row.newest.delivered_at} now={now} /> },
        { name: "Deliveries", kind: "right", cell: (row) => row.deliveries.toLocaleString() },
      ]} /></div> : null}
    </Section>
  );
}
