// The page Connect.

import { startFrame } from "./frame.js";

startFrame();
