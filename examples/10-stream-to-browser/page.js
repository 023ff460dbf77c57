/** The page's script: starts a run, and shows what it does while it does it. */

export function mount(document) {
  const { EventSource } = document.defaultView;
  const element = (selector) => document.querySelector(selector);
  const urlOf = (path) => new URL(path, document.baseURI);

  function addStep(text) {
    const step = document.createElement("li");
    step.textContent = text;
    element("#steps").append(step);
  }

  async function start(text) {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ agent: "librarian", text });
    const response = await fetch(urlOf("api/runs"), { method: "POST", headers, body });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.detail);
    return answer.run_id;
  }

  /** Resolves at the end of the run. To watch a run again, or from another page, its id is all that is needed. */
  function watch(runId) {
    return new Promise((resolve, reject) => {
      const source = new EventSource(urlOf(`api/runs/${runId}/events/stream?deltas=1`));
      const on = (type, show) => source.addEventListener(type, ({ data }) => show(JSON.parse(data)));
      on("text_delta", ({ text }) => (element("#says").textContent += text));
      // Deltas are live, and gone when nobody listens; the whole text is in the journal and repairs what was missed.
      on("llm_completed", ({ text }) => (element("#says").textContent = text));
      on("tool_call", ({ tool_name, params }) => addStep(`calls ${tool_name}(${JSON.stringify(params)})`));
      on("tool_result", ({ tool_name, result, error }) => addStep(`${tool_name}: ${error ?? JSON.stringify(result)}`));
      on("run_paused", ({ pause }) => addStep(`waits: ${pause.question}`));
      on("end", ({ status }) => {
        source.close(); // else it would come back
        addStep(`ended: ${status}`);
        resolve();
      });
      source.onerror = () => {
        if (source.readyState === EventSource.CLOSED) reject(new Error("the server refused the stream"));
        else addStep("the connection broke; it comes back by itself");
      };
    });
  }

  element("#ask").onsubmit = async (event) => {
    event.preventDefault();
    element("#says").textContent = "";
    element("#steps").replaceChildren();
    await start(element("#text").value)
      .then(watch)
      .catch((error) => addStep(`It failed: ${error.message}`));
  };
}

if (globalThis.document) mount(globalThis.document);
