// The drop zone: a file is dragged or chosen, checked for what the browser can know, and streamed to the API with
// progress and cancel. Everything else about the file is found out by the server.
import { useEffect, useRef, useState } from "react";

const ENDINGS = [".csv", ".tsv", ".txt", ".xlsx", ".csv.gz", ".tsv.gz", ".txt.gz", ".xlsx.gz", ".gz"];
const IDLE = { phase: "idle", text: "" };
const refused = (text) => ({ phase: "refused", text });
const megabytes = (bytes) => `${(bytes / 1048576).toFixed(bytes < 10485760 ? 1 : 0)} MB`;

function objection(files, maxBytes) {
  if (files.length > 1) return "One list at a time: drop a single file.";
  const file = files[0];
  const name = file.name.toLowerCase();
  if (name.endsWith(".xls")) return `“${file.name}” is in the old Excel format. Save it as XLSX or CSV and drop it again.`;
  if (name.endsWith(".numbers") || name.endsWith(".ods")) return `“${file.name}” is a spreadsheet we cannot read. Export it as XLSX or CSV and drop it again.`;
  if (name.endsWith(".zip")) return `“${file.name}” is a ZIP archive. Unpack it and drop the CSV or XLSX file that is in it.`;
  if (!ENDINGS.some((ending) => name.endsWith(ending))) return `“${file.name}” is not a list we can read. Drop a CSV or XLSX file.`;
  if (file.size === 0) return `“${file.name}” is empty.`;
  if (maxBytes && file.size > maxBytes) return `“${file.name}” has ${megabytes(file.size)}; a list may have ${megabytes(maxBytes)}. Split it into several files, or compress it with gzip.`;
  return "";
}

function problemText(request) {
  let problem = {};
  try {
    problem = JSON.parse(request.responseText);
  } catch {
    problem = {};
  }
  // `code` is the reason for programs, not for people.
  const fields = Object.entries(problem.fields || {}).filter(([name, text]) => name !== "code" && text !== problem.detail);
  const text = [problem.detail, ...fields.map(([, text]) => text)].filter(Boolean).join(" ");
  if (request.status === 401) return "Your session has ended. Log in again; nothing was stored.";
  if (text) return problem.request_id && request.status >= 500 ? `${text} Reference: ${problem.request_id}` : text;
  if (request.status === 413) return "The file is larger than a list may be. Split it into several files.";
  return `The server answered with an error (${request.status}). Nothing was stored; try again.`;
}

export function CsvUpload({ action, limits, maxBytes, compact, disabled, onUploaded, children }) {
  const [state, setState] = useState(IDLE);
  const [over, setOver] = useState(false);
  const request = useRef(null);
  const input = useRef(null);
  const busy = state.phase === "sending" || state.phase === "checking" || state.phase === "opening";

  // A file that misses the zone must not replace the page.
  useEffect(() => {
    const stay = (event) => {
      if (![...((event.dataTransfer && event.dataTransfer.types) || [])].includes("Files")) return;
      event.preventDefault();
      if (event.type === "dragover" && !event.target.closest?.("[data-drop]")) event.dataTransfer.dropEffect = "none";
    };
    addEventListener("dragover", stay);
    addEventListener("drop", stay);
    return () => {
      removeEventListener("dragover", stay);
      removeEventListener("drop", stay);
      if (request.current) request.current.abort();
    };
  }, []);

  useEffect(() => {
    if (state.phase !== "sending") return undefined;
    const ask = (event) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [state.phase]);

  function send(files) {
    if (busy || disabled || !files.length) return;
    const wrong = objection([...files], maxBytes);
    if (wrong) {
      setState(refused(wrong));
      return;
    }
    const file = files[0];
    const sending = new XMLHttpRequest();
    request.current = sending;
    sending.open("POST", action);
    sending.setRequestHeader("Accept", "application/json");
    sending.upload.onprogress = (event) =>
      event.lengthComputable && setState({ phase: "sending", name: file.name, sent: event.loaded, total: event.total });
    sending.upload.onload = () => setState({ phase: "checking", name: file.name });
    sending.onabort = () => setState({ phase: "idle", text: `“${file.name}” was not uploaded. Nothing was kept.` });
    sending.onerror = () => setState(refused(`The connection broke while “${file.name}” was sent. Nothing was stored; try again.`));
    sending.onload = () => {
      request.current = null;
      if (sending.status !== 201) {
        setState(refused(problemText(sending)));
        return;
      }
      setState({ phase: "opening", name: file.name });
      onUploaded?.(JSON.parse(sending.responseText).id);
    };
    setState({ phase: "sending", name: file.name, sent: 0, total: file.size });
    const body = new FormData();
    body.append("file", file);
    sending.send(body);
  }

  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    send(event.dataTransfer.files);
  };
  const hover = (event) => {
    if (busy || disabled) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    setOver(true);
  };
  const leave = (event) => !event.currentTarget.contains(event.relatedTarget) && setOver(false);
  const percent = state.total ? Math.min(100, Math.floor((state.sent * 100) / state.total)) : 0;

  return (
    <section
      aria-label="Upload a list"
      className="drop"
      data-drop=""
      data-over={over}
      data-busy={busy}
      data-compact={Boolean(compact)}
      onDragEnter={hover}
      onDragOver={hover}
      onDragLeave={leave}
      onDrop={drop}
    >
      <input
        ref={input}
        type="file"
        accept=".csv,.tsv,.txt,.xlsx,.gz"
        aria-label="List file"
        tabIndex={-1}
        className="sr-only"
        onChange={(event) => {
          send(event.target.files);
          event.target.value = "";
        }}
      />
      {busy ? (
        <div className="drop-progress">
          <p className="drop-title" role="status">
            {state.phase === "sending" ? `Uploading “${state.name}”` : state.phase === "checking" ? `Looking at “${state.name}”` : `Opening “${state.name}”`}
          </p>
          <div className="meter" role="progressbar" aria-label="Upload" aria-valuemin="0" aria-valuemax="100" aria-valuenow={state.phase === "sending" ? percent : 100} data-indeterminate={state.phase !== "sending"}>
            <span style={{ width: `${state.phase === "sending" ? percent : 100}%` }} />
          </div>
          <p className="drop-hint num">
            {state.phase === "sending" ? `${megabytes(state.sent)} of ${megabytes(state.total)}` : "The file has arrived. Its kind, encoding and header are being found out."}
          </p>
          {state.phase !== "opening" && (
            <button type="button" className="btn btn-secondary btn-sm" onClick={() => request.current && request.current.abort()}>
              Cancel
            </button>
          )}
        </div>
      ) : (
        <>
          <div className="drop-words">
            <p className="drop-title">{over ? "Let go to upload the list" : "Drop your list here"}</p>
            <p className="drop-hint">{limits}</p>
          </div>
          <div className="drop-actions">
            <button type="button" className="btn btn-primary" disabled={disabled} data-hotkey="u" onClick={() => input.current.click()}>
              Choose a file
            </button>
            {children}
          </div>
        </>
      )}
      <p className="drop-said" role={state.phase === "refused" ? "alert" : "status"} data-tone={state.phase === "refused" ? "bad" : "neutral"}>
        {state.text}
      </p>
    </section>
  );
}
