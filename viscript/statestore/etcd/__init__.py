"""etcd, by its JSON gateway (docs/decisions/0140). Imported when an `etcd://` URL is opened, not before."""
