/** Chat server: an agent per request. `POST /chat` sets a run up for the user's plan. The part to copy into an application. */
import { toProblem, type Dendrite, type RunResult } from "myelin";
import { OTHER_MODEL } from "../model.ts";

/** What a plan may use: a subset of what the agent has. What is left out is as the agent has it. */
const PLANS = {
  free: { tools: ["find_order"], maxIterations: 3 },
  pro: { model: OTHER_MODEL, prompt: "You are the cheerful support of a shop. Answer in one sentence." },
  // A mistake of ours: the agent has no such tool. It is refused before anything is sent.
  broken: { tools: ["launch_rocket"] },
};

interface ChatBody {
  readonly text: string;
  readonly plan: keyof typeof PLANS;
}

/** `dendrite` is made once per process. Nothing here is kept per run, so any process can serve the next request. */
export function createChat(dendrite: Dendrite): (request: Request) => Promise<Response> {
  async function chat(request: Request): Promise<Response> {
    const { text, plan } = (await request.json()) as ChatBody;
    const run = await dendrite.run("support", { text, ...PLANS[plan], metadata: { plan }, signal: request.signal });
    return Response.json(toBody(run));
  }

  async function approve(request: Request, runId: string): Promise<Response> {
    const { approved } = (await request.json()) as { approved: boolean };
    const submitted = await dendrite.submitApproval(runId, { approved, by: "ada" });
    return Response.json(toBody(await submitted.result({ signal: request.signal })));
  }

  return async (request) => {
    const { pathname } = new URL(request.url);
    const [, runId] = /^\/chat\/(run_\w+)\/approval$/.exec(pathname) ?? [];
    try {
      if (request.method === "POST" && pathname === "/chat") return await chat(request);
      if (request.method === "POST" && runId !== undefined) return await approve(request, runId);
      return new Response(null, { status: 404 });
    } catch (error) {
      return toProblem(error).toResponse(); // 422 for a wrong name, 409 for a pause that is over, 503 without a worker, …
    }
  };
}

/** A paused run is an answer too: the client shows what is asked, and comes back with a word on it. */
const toBody = ({ runId, status, answer, model, pause }: RunResult) => ({
  runId,
  status,
  answer,
  model,
  waitsFor: pause?.pending.map(({ toolName, params }) => ({ toolName, params })) ?? [],
});
export type ChatAnswer = ReturnType<typeof toBody>;
