"""The keeper: parent of every app. Small, stdlib only, outlives the daemon."""
