"""
The tools, resources and prompts that the conformance suite expects by name.

They exist for its checks of the protocol only; what each has to do is written
in the descriptions of the suite's scenarios.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import mcp_types as types
from attrs import frozen
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.subscriptions import PromptsListChanged, ToolsListChanged

Context = ServerRequestContext[Any, Any]
Result = types.CallToolResult | types.InputRequiredResult

_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQ"
    "AAAABJRU5ErkJggg=="
)
_WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
_IMAGE = types.ImageContent(type="image", data=_PNG, mime_type="image/png")

_STRING = {"type": "string"}
_NOTHING = {"type": "object", "properties": {}}
_SCHEMA_2020_12 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": _STRING, "city": _STRING},
        }
    },
    "properties": {
        "name": _STRING,
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": _STRING,
        "email": _STRING,
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {
        "properties": {"contactMethod": {"const": "phone"}},
        "required": ["contactMethod"],
    },
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


@frozen
class _Tool:
    run: Callable[[Context, types.CallToolRequestParams], Awaitable[Result]]
    schema: dict[str, Any]


_TOOLS: dict[str, _Tool] = {}
_BUS = InMemorySubscriptionBus()


def _tool(schema: dict[str, Any] | None = None) -> Callable[[Any], Any]:
    def register(run: Any) -> Any:
        _TOOLS[run.__name__] = _Tool(run, schema or _NOTHING)
        return run

    return register


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }


def _content(*content: Any) -> types.CallToolResult:
    return types.CallToolResult(content=list(content))


def _text(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)


def _embedded(uri: str, mime_type: str, text: str) -> types.EmbeddedResource:
    return types.EmbeddedResource(
        type="resource",
        resource=types.TextResourceContents(uri=uri, mime_type=mime_type, text=text),
    )


# Content


@_tool()
async def test_simple_text(ctx: Context, params: Any) -> Result:
    """Text."""
    return _content(_text("This is a simple text response for testing."))


@_tool()
async def test_image_content(ctx: Context, params: Any) -> Result:
    """An image."""
    return _content(_IMAGE)


@_tool()
async def test_audio_content(ctx: Context, params: Any) -> Result:
    """A sound."""
    return _content(types.AudioContent(type="audio", data=_WAV, mime_type="audio/wav"))


@_tool()
async def test_embedded_resource(ctx: Context, params: Any) -> Result:
    """A resource."""
    text = "This is an embedded resource content."
    return _content(_embedded("test://embedded-resource", "text/plain", text))


@_tool()
async def test_multiple_content_types(ctx: Context, params: Any) -> Result:
    """All of them."""
    data = json.dumps({"test": "data", "value": 123})
    resource = _embedded("test://mixed-content-resource", "application/json", data)
    return _content(_text("Multiple content types test:"), _IMAGE, resource)


@_tool()
async def test_error_handling(ctx: Context, params: Any) -> Result:
    """An error of the tool."""
    text = _text("This tool intentionally returns an error for testing")
    return types.CallToolResult(content=[text], is_error=True)


@_tool(_SCHEMA_2020_12)
async def json_schema_2020_12_tool(ctx: Context, params: Any) -> Result:
    """A schema with everything."""
    return _content(_text(json.dumps(params.arguments)))


@_tool(_object(region={"type": "string", "x-mcp-header": "Region"}))
async def test_x_mcp_header(ctx: Context, params: Any) -> Result:
    """An argument that is repeated in a header."""
    return _content(_text(str(params.arguments)))


# Notifications while a call runs


@_tool()
async def test_tool_with_logging(ctx: Context, params: Any) -> Result:
    """Three log messages."""
    for text in ("started", "processing data", "completed"):
        await ctx.session.send_log_message(
            "info", f"Tool execution {text}", related_request_id=ctx.request_id
        )
        await asyncio.sleep(0.05)
    return _content(_text("done"))


@_tool()
async def test_logging_tool(ctx: Context, params: Any) -> Result:
    """A log message, for those who ask for it."""
    await ctx.session.send_log_message("info", "for those who asked")
    return _content(_text("done"))


@_tool()
async def test_tool_with_progress(ctx: Context, params: Any) -> Result:
    """Three steps of progress."""
    for progress in (0, 50, 100):
        await ctx.session.report_progress(progress, 100)
        await asyncio.sleep(0.05)
    return _content(_text("done"))


@_tool()
async def test_reconnection(ctx: Context, params: Any) -> Result:
    """A call whose stream may be closed before it is answered."""
    if ctx.close_sse_stream is not None:
        await ctx.close_sse_stream()
    return _content(_text("done"))


@_tool()
async def test_trigger_tool_change(ctx: Context, params: Any) -> Result:
    """Tell listeners that there are other tools."""
    await _BUS.publish(ToolsListChanged())
    return _content(_text("done"))


@_tool()
async def test_trigger_prompt_change(ctx: Context, params: Any) -> Result:
    """Tell listeners that there are other prompts."""
    await _BUS.publish(PromptsListChanged())
    return _content(_text("done"))


# Questions to the client, in the handshake era


async def _ask(ctx: Context, request: Any, result: Any) -> Any:
    metadata = ServerMessageMetadata(related_request_id=ctx.request_id)
    return await ctx.session.send_request(request, result, metadata=metadata)


async def _elicit(ctx: Context, message: str, schema: dict[str, Any]) -> str:
    answer = await ctx.session.elicit_form(
        message, schema, related_request_id=ctx.request_id
    )
    return f"action={answer.action}, content={json.dumps(answer.content)}"


@_tool(_object(prompt=_STRING))
async def test_sampling(ctx: Context, params: Any) -> Result:
    """Ask the client's model."""
    request = _sampling(params.arguments["prompt"], 100)
    answer = await _ask(ctx, request, types.CreateMessageResult)
    return _content(_text(f"LLM response: {answer.content.text}"))


@_tool(_object(message=_STRING))
async def test_elicitation(ctx: Context, params: Any) -> Result:
    """Ask the person."""
    schema = _object(
        username={"type": "string", "description": "User's response"},
        email={"type": "string", "description": "User's email address"},
    )
    answer = await _elicit(ctx, params.arguments["message"], schema)
    return _content(_text(f"User response: {answer}"))


@_tool()
async def test_elicitation_sep1034_defaults(ctx: Context, params: Any) -> Result:
    """Ask with a default for each type."""
    states = ["active", "inactive", "pending"]
    schema = _object(
        name={"type": "string", "default": "John Doe"},
        age={"type": "integer", "default": 30},
        score={"type": "number", "default": 95.5},
        status={"type": "string", "enum": states, "default": "active"},
        verified={"type": "boolean", "default": True},
    )
    answer = await _elicit(ctx, "Check the defaults", schema)
    return _content(_text(f"Elicitation completed: {answer}"))


@_tool()
async def test_elicitation_sep1330_enums(ctx: Context, params: Any) -> Result:
    """Ask with each kind of enumeration."""
    options = ["option1", "option2", "option3"]

    def titled(word: str) -> list[dict[str, str]]:
        ordinals = ("First", "Second", "Third")
        return [
            {"const": f"value{number}", "title": f"{ordinal} {word}"}
            for number, ordinal in enumerate(ordinals, 1)
        ]

    schema = _object(
        untitledSingle={"type": "string", "enum": options},
        titledSingle={"type": "string", "oneOf": titled("Option")},
        legacyEnum={
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        untitledMulti={"type": "array", "items": {"type": "string", "enum": options}},
        titledMulti={"type": "array", "items": {"anyOf": titled("Choice")}},
    )
    answer = await _elicit(ctx, "Choose", schema)
    return _content(_text(f"Elicitation completed: {answer}"))


# Questions to the client, in 2026-07-28


def _sampling(prompt: str, max_tokens: int) -> types.CreateMessageRequest:
    message = types.SamplingMessage(role="user", content=_text(prompt))
    return types.CreateMessageRequest(
        params=types.CreateMessageRequestParams(
            messages=[message], max_tokens=max_tokens
        )
    )


def _form(message: str, **properties: dict[str, Any]) -> types.ElicitRequest:
    return types.ElicitRequest(
        params=types.ElicitRequestFormParams(
            message=message, requested_schema=_object(**properties)
        )
    )


def _required(
    state: str | None = None, **requests: types.InputRequest
) -> types.InputRequiredResult:
    return types.InputRequiredResult(input_requests=requests, request_state=state)


def _given(params: Any, *keys: str) -> list[Any] | None:
    """Give the answers to those questions, ``None`` when one is missing."""
    answers = params.input_responses or {}
    return (
        [answers[key] for key in keys] if all(key in answers for key in keys) else None
    )


_NAME = {"user_name": _form("What is your name?", name=_STRING)}
_ROOTS = {"client_roots": types.ListRootsRequest()}


@_tool()
async def test_input_required_result_elicitation(ctx: Context, params: Any) -> Result:
    """Needs a name."""
    given = _given(params, "user_name")
    if given is None or not isinstance(given[0], types.ElicitResult):
        return _required(**_NAME)
    return _content(_text(f"Hello, {(given[0].content or {}).get('name')}!"))


@_tool()
async def test_input_required_result_sampling(ctx: Context, params: Any) -> Result:
    """Needs the client's model."""
    given = _given(params, "capital_question")
    if given is None:
        question = _sampling("What is the capital of France?", 100)
        return _required(capital_question=question)
    return _content(_text(given[0].content.text))


@_tool()
async def test_input_required_result_list_roots(ctx: Context, params: Any) -> Result:
    """Needs the client's roots."""
    given = _given(params, "client_roots")
    if given is None:
        return _required(**_ROOTS)
    return _content(_text(", ".join(str(root.uri) for root in given[0].roots)))


@_tool()
async def test_input_required_result_request_state(ctx: Context, params: Any) -> Result:
    """Needs a confirmation, and its own state back."""
    if _given(params, "confirm") is None or params.request_state != "waiting":
        form = _form("Please confirm", ok={"type": "boolean"})
        return _required("waiting", confirm=form)
    return _content(_text("state-ok"))


_TOOLS["test_input_required_result_tampered_state"] = _TOOLS[
    "test_input_required_result_request_state"
]


@_tool()
async def test_input_required_result_multiple_inputs(
    ctx: Context, params: Any
) -> Result:
    """Needs three things at once."""
    if _given(params, "user_name", "greeting", "client_roots") is None:
        greeting = _sampling("Generate a greeting", 50)
        return _required("waiting", greeting=greeting, **_NAME, **_ROOTS)
    return _content(_text("all there"))


@_tool()
async def test_input_required_result_multi_round(ctx: Context, params: Any) -> Result:
    """Needs one thing after the other."""
    if params.request_state == "second" and _given(params, "step2"):
        return _content(_text("all there"))
    if params.request_state == "first" and _given(params, "step1"):
        form = _form("Step 2: What is your favorite color?", color=_STRING)
        return _required("second", step2=form)
    return _required("first", step1=_form("Step 1: What is your name?", name=_STRING))


@_tool()
async def test_input_required_result_capabilities(ctx: Context, params: Any) -> Result:
    """Asks only what the client can answer."""
    declared = ctx.session.client_capabilities or types.ClientCapabilities()
    requests: dict[str, types.InputRequest] = {}
    if declared.sampling is not None:
        requests["greeting"] = _sampling("Generate a greeting", 50)
    if declared.elicitation is not None:
        requests.update(_NAME)
    return _required(**requests) if requests else _content(_text("nothing to ask"))


@_tool()
async def test_streaming_elicitation(ctx: Context, params: Any) -> Result:
    """Needs a name, and says so in the answer, not in a request of its own."""
    return _required(**_NAME)


@_tool()
async def test_missing_capability(ctx: Context, params: Any) -> Result:
    """Needs a client that can sample."""
    declared = ctx.session.client_capabilities
    if declared is None or declared.sampling is None:
        raise MCPError(
            types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            "this tool needs sampling",
            {"requiredCapabilities": {"sampling": {}}},
        )
    return _content(_text("done"))


# The server


async def _list_tools(ctx: Context, params: Any) -> types.ListToolsResult:
    return types.ListToolsResult(
        tools=[
            types.Tool(
                name=name, description=tool.run.__doc__, input_schema=tool.schema
            )
            for name, tool in _TOOLS.items()
        ]
    )


async def _call_tool(ctx: Context, params: types.CallToolRequestParams) -> Result:
    tool = _TOOLS.get(params.name)
    if tool is None:
        raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name}")
    return await tool.run(ctx, params)


_RESOURCES = {
    "test://static-text": types.TextResourceContents(
        uri="test://static-text",
        mime_type="text/plain",
        text="This is the content of the static text resource.",
    ),
    "test://static-binary": types.BlobResourceContents(
        uri="test://static-binary", mime_type="image/png", blob=_PNG
    ),
    "test://watched-resource": types.TextResourceContents(
        uri="test://watched-resource", mime_type="text/plain", text="watched"
    ),
}


async def _list_resources(ctx: Context, params: Any) -> types.ListResourcesResult:
    return types.ListResourcesResult(
        resources=[
            types.Resource(
                uri=uri, name=uri, description=uri, mime_type=contents.mime_type
            )
            for uri, contents in _RESOURCES.items()
        ]
    )


async def _list_templates(
    ctx: Context, params: Any
) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(
        uri_template="test://template/{id}/data",
        name="template",
        description="Data by id",
        mime_type="application/json",
    )
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def _read_resource(ctx: Context, params: Any) -> types.ReadResourceResult:
    uri = str(params.uri)
    contents = _RESOURCES.get(uri)
    match = re.fullmatch("test://template/([^/]+)/data", uri)
    if match is not None:
        data = {
            "id": match[1],
            "templateTest": True,
            "data": f"Data for ID: {match[1]}",
        }
        contents = types.TextResourceContents(
            uri=uri, mime_type="application/json", text=json.dumps(data)
        )
    if contents is None:
        raise MCPError(types.INVALID_PARAMS, "Resource not found", {"uri": uri})
    return types.ReadResourceResult(contents=[contents])


async def _accept(ctx: Context, params: Any) -> types.EmptyResult:
    return types.EmptyResult()


def _argument(name: str) -> types.PromptArgument:
    return types.PromptArgument(name=name, description=name, required=True)


_PROMPTS = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}


async def _list_prompts(ctx: Context, params: Any) -> types.ListPromptsResult:
    return types.ListPromptsResult(
        prompts=[
            types.Prompt(
                name=name,
                description=name,
                arguments=[_argument(argument) for argument in arguments],
            )
            for name, arguments in _PROMPTS.items()
        ]
    )


async def _get_prompt(ctx: Context, params: types.GetPromptRequestParams) -> Any:
    given = params.arguments or {}
    contents: list[Any]
    match params.name:
        case "test_simple_prompt":
            contents = [_text("This is a simple prompt for testing.")]
        case "test_prompt_with_arguments":
            named = ", ".join(f"{name}='{value}'" for name, value in given.items())
            contents = [_text(f"Prompt with arguments: {named}")]
        case "test_prompt_with_embedded_resource":
            text = "Embedded resource content for testing."
            resource = _embedded(given["resourceUri"], "text/plain", text)
            contents = [resource, _text("Please process the embedded resource above.")]
        case "test_prompt_with_image":
            contents = [_IMAGE, _text("Please analyze the image above.")]
        case "test_input_required_result_prompt":
            answers = _given(params, "user_context")
            if answers is None:
                form = _form("What context should the prompt use?", context=_STRING)
                return _required(user_context=form)
            contents = [_text(f"Context: {answers[0].content}")]
        case _:
            raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {params.name}")
    return types.GetPromptResult(
        messages=[types.PromptMessage(role="user", content=item) for item in contents]
    )


async def _complete(ctx: Context, params: Any) -> types.CompleteResult:
    completion = types.Completion(values=["paris", "park"], total=2, has_more=False)
    return types.CompleteResult(completion=completion)


def fixture_server() -> Server[Any]:
    """Make a server that has all fixtures."""
    methods = (
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "resources/read",
    )
    server: Server[Any] = Server(
        "conformance",
        version="1",
        cache_hints=dict.fromkeys(methods, CacheHint(ttl_ms=1000)),
        get_tool_input_schema=lambda name: (
            _TOOLS[name].schema if name in _TOOLS else None
        ),
        on_list_tools=_list_tools,
        on_call_tool=_call_tool,
        on_list_resources=_list_resources,
        on_list_resource_templates=_list_templates,
        on_read_resource=_read_resource,
        on_subscribe_resource=_accept,
        on_unsubscribe_resource=_accept,
        on_subscriptions_listen=ListenHandler(_BUS),
        on_list_prompts=_list_prompts,
        on_get_prompt=_get_prompt,
        on_completion=_complete,
    )
    # The constructor warns that later revisions have no log level to set.
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, _accept)
    server.middleware.append(
        RequestStateBoundary(
            RequestStateSecurity.ephemeral(), default_audience="conformance"
        )
    )
    return server
