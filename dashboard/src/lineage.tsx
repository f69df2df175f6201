// Where what a run made came from, and where it went: data date, input version, version made, deliveries, rows.
import { get, path, type Contents, type Delivery, type Lineage as Facts } from "./api";
import { useLive } from "./live";
import { Digest, Problem, Section, Table } from "./parts";
import { plural } from "./plural";
import { bytes, local } from "./time";
import type { ComponentChildren } from "preact";

function Step({ title, children }: { title: string; children: ComponentChildren }) {
  return <li><h3>{title}</h3>{children}</li>;
}

function VersionFacts({ version, service, self }: { version: Contents; service: string; self: boolean }) {
  return (
    <>
      <p><a href={`#/services/${service}?version=${version.version}`}><strong>{version.version}</strong></a>{version.live ? <span class="badge">live</span> : null}</p>
      <p class="quiet">{version.action}, {plural(version.files, "file")}, {bytes(version.bytes)}</p>
      {self ? null : <p>made by <a href={`#/runs/${version.run}`}>{version.run}</a> for {version.data_date}</p>}
    </>
  );
}

// Its beginning, and whether files had changed since.
const commit = (text: string) => text.slice(0, 12) + (text.endsWith("-dirty") ? ", with changes" : "");

function Delivered({ deliveries, service }: { deliveries: Delivery[]; service: string }) {
  return (
    <>
      {deliveries.map((delivery) => (
        <p key={delivery.id}>
          <strong>{plural(delivery.rows, "row")}</strong> to <a href={`#/tables/${service}/${delivery.table}`}>{delivery.table}</a>{" "}
          <span class="quiet">({delivery.write}, {delivery.undone_at ? "undone" : delivery.current ? "current" : "replaced"}; {delivery.table_rows.toLocaleString()} there afterwards)</span>
        </p>
      ))}
    </>
  );
}

function Files({ version }: { version: Contents }) {
  return (
    <details open={version.files <= 8}>
      <summary>{version.files === 1 ? "The file" : `The ${version.files} files`} that it made</summary>
      <Table label="Outputs" rows={version.contents} keyOf={(file) => file.path} empty="The program left nothing in output/." columns={[
        { name: "File", kind: "head", cell: (file) => file.path },
        { name: "Size", kind: "right", cell: (file) => bytes(file.bytes) },
        { name: "SHA-256", cell: (file) => <Digest of={file.sha256} /> },
      ]} />
      {version.contents.length < version.files ? <p class="quiet">The first {version.contents.length} of {version.files}; busker models has the rest.</p> : null}
    </details>
  );
}

export const useLineage = (run: string) => useLive(() => get<Facts>(path("runs", run, "lineage")), run, run, 2000);

export function Lineage({ run, lineage: { value, error }, state }: { run: string; lineage: { value: Facts | null; error: string }; state: string }) {
  if (!value) return <Problem message={error} />;
  if (!value.service) return null;
  const { service, input, output } = value;
  return (
    <Section title="Lineage" id={`lineage-${run}`}>
      <Problem message={error} />
      {value.missing.map((sentence) => <Problem key={sentence} message={sentence} />)}
      <ol class="lineage">
        <Step title="Data date">
          <p><strong>{value.data_date}</strong></p>
          {value.definition_sha256 ? <p class="quiet">definition <Digest of={value.definition_sha256} /></p> : null}
        </Step>
        {value.input_version ? (
          <Step title="Input version">
            {input ? <VersionFacts version={input} service={service} self={false} /> : <p>{value.input_version}</p>}
          </Step>
        ) : null}
        <Step title="Version made">
          {output ? (
            <>
              <VersionFacts version={output} service={service} self />
              {output.config_sha256 ? <p class="quiet">config <Digest of={output.config_sha256} /></p> : null}
              {output.source_commit ? <p class="quiet">source {commit(output.source_commit)}</p> : null}
              {output.folder_commit && output.folder_commit !== output.source_commit ? <p class="quiet">folder {commit(output.folder_commit)}</p> : null}
            </>
          ) : <p class="quiet">{state === "failed" || state === "cancelled" ? `None: the run ${state === "failed" ? "failed" : "was cancelled"} before it saved a version.` : state === "succeeded" ? "None." : "None yet: a version is there when all its files are."}</p>}
        </Step>
        {value.deliveries.length > 0 ? <Step title="Delivered"><Delivered deliveries={value.deliveries} service={service} /></Step> : null}
        {value.used_by.length > 0 ? (
          <Step title="Applied by">
            {value.used_by.slice(0, 5).map((delivery) => (
              <p key={delivery.id} title={local(delivery.delivered_at)}>
                <a href={`#/runs/${delivery.run}`}>{delivery.run}</a> for {delivery.data_date}: {plural(delivery.rows, "row")} to {delivery.table}
              </p>
            ))}
            {value.used_by.length > 5 ? <p class="quiet">and {value.used_by.length - 5} more</p> : null}
          </Step>
        ) : null}
      </ol>
      {output ? <Files version={output} /> : null}
    </Section>
  );
}
