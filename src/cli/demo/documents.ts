/** The MOVA protocol documents the demo validates: two that keep to the schema and two that do not. */

export const schema = {
  $id: "mova-protocol",
  type: "object",
  required: ["mova_version", "intent", "protocol"],
  additionalProperties: false,
  properties: {
    mova_version: { type: "string", pattern: "^2\\.\\d+$" },
    intent: {
      type: "object",
      required: ["name", "patterns"],
      additionalProperties: false,
      properties: {
        name: { type: "string", pattern: "^[a-z_]+$" },
        patterns: { type: "array", minItems: 1, items: { type: "string" } },
        priority: { type: "integer", minimum: 0, maximum: 10 },
      },
    },
    protocol: {
      type: "object",
      required: ["name", "steps"],
      additionalProperties: false,
      properties: {
        name: { type: "string" },
        steps: {
          type: "array",
          minItems: 1,
          items: {
            type: "object",
            required: ["id", "action"],
            additionalProperties: false,
            properties: {
              id: { type: "string" },
              action: { enum: ["prompt", "tool_api", "condition", "end"] },
              prompt: { type: "string" },
              tool_api_id: { type: "string" },
              conditions: {
                type: "array",
                items: {
                  type: "object",
                  required: ["variable", "operator", "value"],
                  properties: { operator: { enum: ["equals", "not_equals", "contains"] } },
                },
              },
            },
          },
        },
      },
    },
  },
};

export const documents: Readonly<Record<string, unknown>> = {
  "weather.json": {
    mova_version: "2.2",
    intent: { name: "ask_weather", patterns: ["weather in {city}", "will it rain in {city}"], priority: 5 },
    protocol: {
      name: "tell the weather",
      steps: [
        { id: "fetch", action: "tool_api", tool_api_id: "weather" },
        { id: "answer", action: "prompt", prompt: "Say in one sentence how the weather in {city} is." },
        { id: "done", action: "end" },
      ],
    },
  },
  "greeting.json": {
    mova_version: "2.2",
    intent: { name: "greet", patterns: ["hello", "good morning"] },
    protocol: {
      name: "greet back",
      steps: [{ id: "greet", action: "prompt", prompt: "Greet the user by name." }],
    },
  },
  "no-steps.json": {
    mova_version: "2.2",
    intent: { name: "greet", patterns: ["hello"] },
    protocol: { name: "forgets to do anything", steps: [] },
  },
  "unknown-action.json": {
    mova_version: "2",
    intent: { name: "Ask Weather", patterns: ["weather"], priority: 11 },
    protocol: { name: "tell the weather", steps: [{ id: "fetch", action: "telepathy", because: "faster" }] },
  },
};
