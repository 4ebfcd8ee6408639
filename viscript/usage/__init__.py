"""What each app uses: cheap figures of all apps, exact figures of a few."""
