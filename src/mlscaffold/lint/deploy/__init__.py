"""Deploy files and the processes that they start; `joined` reads them all."""
