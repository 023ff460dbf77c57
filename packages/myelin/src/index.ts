/** myelin: message-bus orchestrated workers. The one package users import. Loads neither Prisma nor a model SDK by itself. */

// The bus.
export {
  connectSynapse,
  createSignal,
  newTraceId,
  BusError,
  LogUnavailableError,
  PayloadTooLargeError,
} from "@myelin/bus";
export type { ConnectOptions, Logger, Signal, SignalOf, SignalType, Synapse } from "@myelin/bus";

// Workers.
export {
  anthropicNeuron,
  clarify,
  ContractError,
  defineNeuron,
  escalate,
  NeuronFailure,
  openaiNeuron,
  permission,
  ProviderOptionsError,
} from "@myelin/neuron";
export type { Answer, JsonObject, Neuron, NeuronContext, NeuronContract } from "@myelin/neuron";

// Models. Their SDKs are loaded at the first call.
export {
  anthropic,
  definePrices,
  groq,
  huggingFace,
  mistral,
  ollama,
  openai,
  openRouter,
  PRICES_AS_OF,
  together,
  vllm,
} from "@myelin/neuron";
export type {
  AnsweredToolCall,
  AnthropicOptions,
  Model,
  ModelCallOptions,
  ModelDelta,
  ModelMessage,
  ModelParams,
  ModelPrice,
  ModelRequest,
  ModelResponse,
  ModelUsage,
  OpenaiOptions,
  OpenRouterOptions,
  PresetOptions,
  Prices,
  ProviderOptions,
} from "@myelin/neuron";

// Agents: a model and its tools as a neuron, whose runs any process can go on with.
export {
  AgentDefinitionError,
  agentTool,
  askHuman,
  defineAgent,
  loadSkill,
  loadSkills,
  pii,
  promptInjection,
  secrets,
  tool,
} from "@myelin/agent";
export type {
  Agent,
  AgentFailureCode,
  AgentOptions,
  AgentToolOptions,
  AskHumanOptions,
  Budget,
  ClientToolOptions,
  Finding,
  Guardrail,
  ServerToolOptions,
  Skill,
  ToolOptions,
} from "@myelin/agent";
export type { Tool, ToolContext, ToolSource, ToolSpec } from "@myelin/neuron";
export type { ChatMessage, ContextBlock, RunStatus } from "@myelin/bus/run-events";

// Dispatch, runs and handlers.
export {
  AlreadyAnsweredError,
  Axon,
  DeadLetterNotFoundError,
  Dendrite,
  DendriteError,
  DispatchTimeoutError,
  GuardrailBlockedError,
  IdempotencyConflictError,
  InputValidationError,
  InvalidToolResultError,
  NeuronError,
  NeuronPausedError,
  NoWorkerError,
  onAgentOutput,
  onAudit,
  onClarification,
  onConsensus,
  onContextSync,
  onCritique,
  onDeregisterSignal,
  onErrorSignal,
  onEscalation,
  onFinal,
  onHeartbeatSignal,
  onMemoryAppend,
  onPermission,
  onPlan,
  onRegisterSignal,
  onRunEvent,
  onStop,
  onStopped,
  onTaskSignal,
  onThoughtDelta,
  onToolCall,
  onToolResult,
  PauseExpiredError,
  PauseStatusMismatchError,
  RecordsUnavailableError,
  RunAlreadyClaimedError,
  RunAlreadyTerminalError,
  RunNotFoundError,
  RunNotPausedError,
  RunNotTerminalError,
  UnknownNameError,
} from "@myelin/dendrite";
export type {
  AgentRef,
  Approval,
  AxonOptions,
  CallOptions,
  CancelledRun,
  CancelRun,
  ClientToolResult,
  DendriteObserver,
  DendriteOptions,
  Dispatched,
  DispatchRequest,
  FollowRun,
  HandlerFilter,
  HandlerRegistration,
  HumanInput,
  ReattachOptions,
  ReplayOptions,
  RetryRequest,
  RosterEntry,
  RunAndWait,
  RunBudget,
  RunKey,
  RunPause,
  RunRequest,
  RunResult,
  RunStreamEvent,
  RunUsage,
  Submitted,
  ToolResults,
  WaitForRun,
  WaitingCall,
  WaitRequest,
} from "@myelin/dendrite";

// What happened: the recorder that writes it, and the store that answers. Prisma is loaded at first use.
export { migrate, Recorder, RunStore, RunsError, RunStoreError, ScopedRunStore, toTraceTree } from "@myelin/runs";
export type {
  CostLine,
  CostsOptions,
  DelegationInfo,
  LlmCall,
  OpenPause,
  PageOptions,
  PausePair,
  PendingToolCall,
  RecorderObserver,
  RecorderOptions,
  RunDetail,
  RunFilter,
  RunPage,
  RunStoreOptions,
  RunSummary,
  StoredEvent,
  StoredSignal,
  ToolInvocation,
  TraceEntry,
  TraceNode,
  WorkerRecord,
} from "@myelin/runs";

// HTTP.
export {
  bearerToken,
  createGateway,
  HttpProblem,
  loopbackOnly,
  nodeListener,
  requestSignal,
  toProblem,
} from "@myelin/http";
export type { Authorize, GatewayObserver, GatewayOptions, Scope } from "@myelin/http";
