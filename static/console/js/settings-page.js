// The page Settings.

import { startFrame } from "./frame.js";

startFrame();
