// What a new workflow begins with: small, complete, and with a word on each part.
export const EXAMPLE_WORKFLOW =
  `key: hello_v1                  # a-z, 0-9, _ and -; the file is named after it
description: Greet somebody and tell them what is new
inputs:                        # JSON Schema of the payload; the form to run it by hand is made of it
  type: object
  required: [name]
  properties:
    name: { type: string, description: "Whom to greet" }
    loud: { type: boolean, default: false }
trigger:
  type: manual                 # manual | event | cron | cron_or_event
  # event_types: [user_signed_up]
  # cron: "0 7 * * 1-5"        # minute hour day month weekday
  # timezone: Europe/Berlin    # or \`user\`: each subscriber's own
steps:
  - id: news
    call: "/functions/v1/agent-proxy/snapshot"
    method: GET
  - id: greet
    depends_on: [news]         # runs when these have ended well
    call: "/functions/v1/agent-proxy/notify"
    retry: { max_attempts: 3 }
    with:                      # what the agent gets
      text: "Hello \${{ inputs.name }}"
      news: "\${{ steps.news.output }}"
`;
