/** The page's script: it asks the agent, runs the tools that the agent wants run here, and submits what they gave. */

export function mount(document) {
  const element = (selector) => document.querySelector(selector);

  /** Tools that run here, by name. They see what only this page has. */
  const tools = {
    read_sheet: () => {
      const lines = element("#sheet").value.trim().split("\n").filter(Boolean);
      if (lines.length === 0) throw new Error("the table is empty");
      return lines.map((line) => line.split(",").map((cell) => cell.trim()));
    },
  };

  /** What a call gave, or why it gave nothing: the model reads either. */
  async function resultOf({ call_id, tool_name, params }) {
    try {
      if (!Object.hasOwn(tools, tool_name)) throw new Error(`this page has no tool ${tool_name}`);
      return { call_id, result: await tools[tool_name](params) };
    } catch (error) {
      return { call_id, error: error.message };
    }
  }

  async function post(path, body) {
    const headers = { "content-type": "application/json" };
    const url = new URL(path, document.baseURI);
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.detail);
    return answer;
  }

  async function ask(text) {
    let run = await post("api/runs?wait=1", { agent: "analyst", text });
    while (run.status === "waiting_client_tool") {
      const results = await Promise.all(run.pause.pending.map(resultOf));
      run = await post(`api/runs/${run.run_id}/tool-results?wait=1`, { results });
    }
    return run.answer ?? `It ended as ${run.status}.`;
  }

  element("#ask").onsubmit = async (event) => {
    event.preventDefault();
    element("#answer").textContent = "…";
    element("#answer").textContent = await ask(element("#text").value).catch((error) => `It failed: ${error.message}`);
  };
}

if (globalThis.document) mount(globalThis.document);
