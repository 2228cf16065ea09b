/* room: agents
 *
 * The agents' formats: from the lines that an agent writes to the account of its work.
 *
 * All of them write one JSON object a line, whose keys come in no certain order; lines, types and fields that are not
 * known are passed over. Lines may be long (an agent that reads a file writes it): which kind a line is is found out
 * without parsing it, and most of the long ones are not parsed.
 */
#pragma once

#include <remote-developer/agent-account.h>

/* Takes one line of output into the account of that kind of agent; it may hold any byte. */
void agent_take(AgentKind kind, AgentAccount *a, const char *line, size_t size);
