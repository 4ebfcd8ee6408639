"""The example of the tutorial: an app in one file."""

from viscript.plugin import AppContext, app


@app(help="[1] who to greet")
async def helloworld(ctx: AppContext, who: str = "world") -> None:
    """greets, then waits to be stopped"""
    print(f"Hello {who}!", flush=True)
    await ctx.stopped()
