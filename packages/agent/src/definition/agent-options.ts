/** What `defineAgent` takes, and what it gives: plain data to spread into `new Axon({ ...agent, concurrency })`. */
import type { agentInput, agentOutput, AgentCard, Budget } from "@myelin/bus/run-events";
import type { Model, ModelParams, Neuron, Tool, ToolSource } from "@myelin/neuron";
import type { z } from "zod";
import type { Guardrail } from "../guardrail.ts";
import type { ObjectSchema } from "../tool.ts";
import type { Skill } from "../skills/skill.ts";

export interface AgentOptions<O extends ObjectSchema = ObjectSchema> {
  /** The neuron id: 1 to 64 of `A-Z a-z 0-9 _ -`. A run goes on only with an agent of the name it was begun with. */
  readonly name: string;
  /** The model of a run that asks for none. */
  readonly model: Model;
  /** Models of other vendors, one each, that a run may ask for. */
  readonly models?: readonly Model[] | undefined;
  /** The system prompt. */
  readonly prompt: string;
  /** Made by `tool`, `agentTool`, `askHuman`. Default none. */
  readonly tools?: readonly Tool[] | undefined;
  /** Where more tools come from, such as MCP servers. Opened by the first run that uses them, shared by all. Default none. */
  readonly toolSources?: readonly ToolSource[] | undefined;
  /** Names of server tools that run only after somebody has said yes to the call. Default none. */
  readonly requireApproval?: readonly string[] | undefined;
  /** Names of tools whose calls are refused. Default none. */
  readonly deny?: readonly string[] | undefined;
  /** Default: no limit. */
  readonly budget?: Budget | undefined;
  /** What looks at texts on their way to the model and from it. Default none. */
  readonly guardrails?: readonly Guardrail[] | undefined;
  /** Model calls of a run at most. Default 10; 1 to 200. A run that would need more ends as `max_iterations`. */
  readonly maxIterations?: number | undefined;
  /** The answer must be JSON of this schema, an object; it is then in `output`. Default: text. */
  readonly output?: O | undefined;
  /** `react` (default): model and tools take turns. `single_call`: one model call, no tools. */
  readonly strategy?: "react" | "single_call" | undefined;
  /** Settings of all model calls, where the request has no others. Default: the vendor's. */
  readonly params?: ModelParams | undefined;
  /** A folder of folders with a SKILL.md each; read when the agent is defined. */
  readonly skillsDir?: string | undefined;
  /** Skills by themselves, as `loadSkill` reads them. */
  readonly skills?: readonly Skill[] | undefined;
  /** Names of skills that are left out; one that is not there is no error. */
  readonly denySkills?: readonly string[] | undefined;
  /** How deep agents may delegate below this one. Default 10; null: without end. A child never goes deeper than its parent may. */
  readonly maxDelegationDepth?: number | null | undefined;
  /** How long an approval or a question to a person is open, in milliseconds. Then the run ends in error. Default: for ever. */
  readonly approvalExpiresMs?: number | undefined;
  /** Who is asked. Shown and filtered by; who may answer is the application's to check. Default nobody in particular. */
  readonly assignees?: readonly string[] | undefined;
  /**
   * What the journal keeps of model calls beside what it needs. `delta` (default): the messages that each call added, and the
   * vendor's response. `full`: all messages of each call, and the vendor's request and response. `masked`: none of these.
   */
  readonly recordPayloads?: "full" | "delta" | "masked" | undefined;
  /** Whether text goes out as it comes. Default true. */
  readonly stream?: boolean | undefined;
  /** What callers may ask for instead of the name. Default none. */
  readonly capabilities?: readonly string[] | undefined;
  readonly version?: string | undefined;
  readonly description?: string | undefined;
}

/** An agent: a neuron definition. Spread it into an Axon. */
export interface Agent {
  readonly neuronId: string;
  readonly neuron: Neuron<z.output<typeof agentInput>, z.input<typeof agentOutput>>;
  readonly capabilities: readonly string[];
  readonly version?: string | undefined;
  readonly description?: string | undefined;
  readonly input: typeof agentInput;
  readonly output: typeof agentOutput;
  /** What the journal has already is not recorded twice. */
  readonly recordDeltas: "none";
  /** What callers check their requests against. */
  readonly card: AgentCard;
  /** Closes models and tool sources. Called once, when the Axon's host has drained; again it does nothing. */
  readonly close: () => Promise<void>;
}
