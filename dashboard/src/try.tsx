// One prediction, tried by hand: a form of what the model takes, its answer, and beside it the row that a
// batch run delivered for the same key.
import { useState } from "preact/hooks";
import { get, path, post } from "./api";
import { useLive, useUntilSettled } from "./live";
import { numberOf } from "./metrics";
import { Problem, Section } from "./parts";
import { about } from "./time";

interface Input {
  name: string;
  type: "number" | "integer" | "boolean" | "category" | "text" | "date";
  missing: boolean; // it may be left out
  categories: string[] | null;
}
interface Keyed {
  table: string;
  key: { name: string; type: string }[];
}
interface Signature {
  ready: boolean;
  why: string | null;
  version: string | null;
  runtime: string | null;
  inputs: Input[];
  outputs: string[];
  tables: Keyed[];
}
interface Row {
  table: string;
  row: Record<string, string | number | boolean | null> | null;
  delivery: string | null;
  model_version: string | null;
  data_date: string | null;
  age_seconds: number | null;
  why: string | null;
}
interface Answer {
  version: string;
  outputs: { name: string; value: number | string | boolean | null }[];
  microseconds: number;
  tables: Row[];
}

const shownFields = 40;
const kinds: Record<Input["type"], string> = { number: "number", integer: "whole number", boolean: "true or false", category: "category", text: "text", date: "date" };

function Field({ input, value, set }: { input: Input; value: string; set: (text: string) => void }) {
  const hear = (event: Event) => set((event.currentTarget as HTMLInputElement).value);
  const choices = input.type === "boolean" ? ["true", "false"] : input.type === "category" ? (input.categories ?? []) : [];
  const hint = `${kinds[input.type]}${input.missing ? ", may be empty" : ""}`;
  return (
    <label class="field">{input.name} <span class="quiet small">{hint}</span>
      {choices.length > 0
        ? <select value={value} onChange={hear}><option value="">{input.missing ? "empty" : "choose"}</option>{choices.map((choice) => <option key={choice} value={choice}>{choice}</option>)}</select>
        : <input type={input.type === "date" ? "date" : "text"} inputMode={input.type === "number" ? "decimal" : input.type === "integer" ? "numeric" : undefined} value={value} onInput={hear} />}
    </label>
  );
}

const shown = (value: unknown) => (value === null || value === undefined ? "null" : typeof value === "number" ? numberOf(value) : String(value));

function BatchRow({ row, service, outputs }: { row: Row; service: string; outputs: Answer["outputs"] }) {
  if (!row.row) return <p class="quiet">{row.table}: {row.why ?? "no row of that key"}</p>;
  const alike = (name: string, value: unknown) => {
    const output = outputs.find((each) => each.name === name);
    if (!output) return null;
    return typeof value === "number" && typeof output.value === "number" ? (numberOf(value) === numberOf(output.value) ? "the same" : "differs") : String(value) === String(output.value) ? "the same" : "differs";
  };
  return (
    <>
      <h3><a href={`#/tables/${service}/${row.table}`}>{row.table}</a>, data of {row.data_date}{row.age_seconds === null ? "" : `, ${about(1000 * row.age_seconds)} old`}{row.model_version ? `, by ${row.model_version.split("/").pop()}` : ""}</h3>
      <dl class="numbers">{Object.entries(row.row).map(([name, value]) => {
        const word = alike(name, value);
        return <div key={name}><dt>{name}</dt><dd>{shown(value)}{word ? <span class={`small ${word === "differs" ? "odd" : "quiet"}`}> {word}</span> : null}</dd></div>;
      })}</dl>
    </>
  );
}

export function Try({ service, version }: { service: string; version: string | null }) {
  const { value: about, error, reload } = useLive(() => get<Signature>(path("services", service, "predict")), "the clock alone", `${service} ${version ?? ""}`);
  useUntilSettled(!about || about.ready, reload);
  const [values, setValues] = useState<Record<string, string>>({});
  const [keys, setKeys] = useState<Record<string, string>>({});
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const [all, setAll] = useState(false);
  if (!about) return error ? <Section title="Try a prediction" card id="try"><p class="quiet">{error}</p></Section> : null;
  const names = new Set(about.inputs.map((input) => input.name));
  const keyNames = [...new Set(about.tables.flatMap((table) => table.key.map((column) => column.name)))].filter((name) => !names.has(name));
  const ask = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      const instance = Object.fromEntries(about.inputs.map((input) => [input.name, values[input.name] || null]));
      const key = Object.fromEntries(keyNames.filter((name) => keys[name]).map((name) => [name, keys[name]]));
      setAnswer(await post<Answer>(path("services", service, "predict"), { instance, ...(Object.keys(key).length > 0 ? { key } : {}) }));
    } catch (fault) {
      setAnswer(null);
      setProblem((fault as Error).message);
    }
    setBusy(false);
  };
  const inputs = all ? about.inputs : about.inputs.slice(0, shownFields);
  return (
    <Section title="Try a prediction" card id="try">
      {about.ready ? (
        <form onSubmit={(event) => void ask(event)}>
          <div class="fields">
            {keyNames.map((name) => <label key={`key ${name}`} class="field">{name} <span class="quiet small">key of the delivered rows</span><input type="text" value={keys[name] ?? ""} onInput={(event) => setKeys({ ...keys, [name]: event.currentTarget.value })} /></label>)}
            {inputs.map((input) => <Field key={input.name} input={input} value={values[input.name] ?? ""} set={(text) => setValues({ ...values, [input.name]: text })} />)}
          </div>
          {inputs.length < about.inputs.length ? <p><button type="button" class="plain" onClick={() => setAll(true)}>Show all {about.inputs.length} inputs</button></p> : null}
          <Problem message={problem} />
          <p><button type="submit" disabled={busy}>Predict</button></p>
        </form>
      ) : <p class="quiet">{about.why ? `${about.why.charAt(0).toUpperCase()}${about.why.slice(1)}.` : "Nothing is ready to be asked yet."}</p>}
      {answer ? (
        <div class="answers" role="status">
          <div>
            <h3>Answered now, by {answer.version}, in {answer.microseconds < 1000 ? `${Math.round(answer.microseconds)} µs` : `${(answer.microseconds / 1000).toFixed(1)} ms`}</h3>
            <dl class="numbers">{answer.outputs.map((output) => <div key={output.name}><dt>{output.name}</dt><dd>{shown(output.value)}</dd></div>)}</dl>
          </div>
          {answer.tables.length > 0 ? <div>{answer.tables.map((row) => <BatchRow key={row.table} row={row} service={service} outputs={answer.outputs} />)}</div> : null}
        </div>
      ) : null}
    </Section>
  );
}
