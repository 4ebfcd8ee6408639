"""config.yaml: read strictly, explain, compare.

| want | call |
|---|---|
| read a file | `loader.load(path, environ, overrides=, known=) -> Loaded`, raises `fault.BadConfig` |
| check a text | `loader.check_text(text, name) -> list[Fault]` |
| find the file | `find.find_config(cli, environ, cwd, home) -> Found` |
| what changes | `plan.plan(old, new, instances, known=) -> list[PlanStep]` |
| an app's environment | `env.environment(app, ...)` |
| show, with origins | `show.shown(loaded)`, `viscript.redact.redacted(config)` |
| explain a key | `explain.explain("apps.restart.delay")` |
| schema, page, first file | `schema.schema()`, `reference.page()`, `template.template()` |

`words` holds addresses, signal names and modes for those who act on them.
Importing this package imports none of them.
"""
